{{- define "shapebench.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "shapebench.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "shapebench.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "shapebench.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "shapebench.selectorLabels" -}}
app.kubernetes.io/name: {{ include "shapebench.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "shapebench.labels" -}}
{{ include "shapebench.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: shapebench
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "shapebench.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "shapebench.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* An image's reference: include "shapebench.image" (list . "spark") */}}
{{- define "shapebench.image" -}}
{{- $root := index . 0 }}
{{- $images := $root.Values.images }}
{{- $image := index $images (index . 1) }}
{{- $repository := $image.repository }}
{{- if $images.registry }}
{{- $repository = printf "%s/%s" (trimSuffix "/" $images.registry) $repository }}
{{- end }}
{{- if $image.digest }}
{{- printf "%s@%s" $repository $image.digest }}
{{- else }}
{{- printf "%s:%s" $repository (coalesce $image.tag $images.tag $root.Chart.AppVersion) }}
{{- end }}
{{- end }}

{{/* Where records are kept; empty: in ConfigMaps. Checked here, as a schema's message could not say what to write. */}}
{{- define "shapebench.resultsUrl" -}}
{{- if regexMatch "[@?#]" .Values.results.url }}
{{- fail "results.url: leave credentials and options (@, ?, #) out, as it is in every run's status; put credentials into a Secret and name it in results.secretName" }}
{{- end }}
{{- if not (regexMatch "^((file|s3|gs|az|abfss?)://.+)?$" .Values.results.url) }}
{{- fail (printf "results.url (%s): write s3://BUCKET/FOLDER, gs://BUCKET/FOLDER or az://CONTAINER/FOLDER (abfs:// and abfss:// are az://, too)" .Values.results.url) }}
{{- end }}
{{- if and .Values.results.readers (not .Values.results.volume.enabled) }}
{{- fail "results.readers: they read a volume through the operator; set results.volume.enabled=true, or leave them out (a bucket's readers need its own rights)" }}
{{- end }}
{{- if and .Values.results.volume.enabled .Values.results.url (not (hasPrefix "file:///results" .Values.results.url)) }}
{{- fail (printf "results.url (%s) and results.volume.enabled exclude each other: records are kept in one place; set results.volume.enabled=false" .Values.results.url) }}
{{- end }}
{{- if and (hasPrefix "file:" .Values.results.url) (not .Values.results.volume.enabled) }}
{{- fail (printf "results.url (%s) is a folder of the operator's pod, and nothing is mounted there: set results.volume.enabled=true" .Values.results.url) }}
{{- end }}
{{- .Values.results.url | default (ternary "file:///results" "" .Values.results.volume.enabled) }}
{{- end }}

{{/* Where finished runs are written; empty: nowhere. */}}
{{- define "shapebench.remoteWriteUrl" -}}
{{- if contains "@" .Values.remoteWrite.url }}
{{- fail "remoteWrite.url: leave name and password out; put them into a Secret and name it in remoteWrite.basicAuthSecret" }}
{{- end }}
{{- if not (regexMatch "^(https?://[^/]+(/.*)?)?$" .Values.remoteWrite.url) }}
{{- fail (printf "remoteWrite.url (%s): write a whole URL, such as http://prometheus-operated.monitoring:9090/api/v1/write" .Values.remoteWrite.url) }}
{{- end }}
{{- .Values.remoteWrite.url }}
{{- end }}

{{/* Labels for every series, as JSON. */}}
{{- define "shapebench.remoteWriteLabels" -}}
{{- $own := list "namespace" "benchmark" "run" "shape" "role" "index" "source" "block" "verdict" }}
{{- range $name, $_ := .Values.remoteWrite.labels }}
{{- if or (has $name $own) (hasPrefix "parameter_" $name) }}
{{- fail (printf "remoteWrite.labels.%s: runs' series have a label %s of their own; choose another name" $name $name) }}
{{- end }}
{{- end }}
{{- toJson .Values.remoteWrite.labels }}
{{- end }}

{{/* The Secret that remote write's credentials are in; empty: none. */}}
{{- define "shapebench.remoteWriteSecret" -}}
{{- with .Values.remoteWrite }}
{{- if and .basicAuthSecret .bearerTokenSecret }}
{{- fail "remoteWrite.basicAuthSecret and remoteWrite.bearerTokenSecret: give one of them, not both" }}
{{- end }}
{{- .basicAuthSecret | default .bearerTokenSecret }}
{{- end }}
{{- end }}

{{/* What the operator may do: exactly the calls that it makes, as `make test-kube` proves against an API server. */}}
{{- define "shapebench.rules" -}}
- apiGroups: [shapebench.dev]
  resources: [benchmarks]
  verbs: [get, list, watch, delete] # delete: when ttlSecondsAfterFinished has passed
- apiGroups: [shapebench.dev]
  resources: [benchmarkruns]
  verbs: [get, list, watch, create{{ if .Values.remoteWrite.url }}, patch{{ end }}] # patch: to note that a run was sent
- apiGroups: [shapebench.dev]
  resources: [benchmarks/status, benchmarkruns/status]
  verbs: [patch]
- apiGroups: [shapebench.dev]
  # To own objects with blockOwnerDeletion; asked for where OwnerReferencesPermissionEnforcement is on, as on OpenShift.
  resources: [benchmarks/finalizers, benchmarkruns/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, create, delete]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
- apiGroups: [""]
  resources: [services, configmaps]
  verbs: [get, create, delete]
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [get] # to say early that a Spark driver's is missing
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- if .Values.engines.sparkApplication.enabled }}
- apiGroups: [sparkoperator.k8s.io]
  resources: [sparkapplications]
  verbs: [get, list, create, delete] # get: when one of that name exists already
{{- end }}
{{- if .Values.engines.tfJob.enabled }}
- apiGroups: [kubeflow.org]
  resources: [tfjobs]
  verbs: [get, list, create, delete]
{{- end }}
{{- if .Values.kueue.enabled }}
- apiGroups: [kueue.x-k8s.io]
  resources: [localqueues]
  verbs: [get] # to say early that a Benchmark's is missing
- apiGroups: [kueue.x-k8s.io]
  resources: [workloads]
  verbs: [get, list, create, delete] # places for gangs of our own; list: whether Kueue took in another operator's object
{{- if not .Values.watchNamespaces }}
- apiGroups: [kueue.x-k8s.io]
  resources: [resourceflavors]
  verbs: [get] # the nodes that a place is on; they are in no namespace
{{- end }}
{{- end }}
{{- end }}
