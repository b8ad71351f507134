#!/usr/bin/env bash
# What a container of the Spark image runs: `executor` becomes Spark's executor for Kubernetes, as in Spark's own images,
# and anything else is run as it is.
#
# Spark's scheduler asks for a pod whose one argument is `executor`, and says everything else in SPARK_* variables.
set -euo pipefail

if [ "${1:-}" != executor ]; then
  exec "$@"
fi

options=()
for ((i = 0; ; i++)); do
  name=SPARK_JAVA_OPT_$i
  [ -n "${!name+set}" ] || break
  options+=("${!name}")
done

# The configuration that Spark mounts comes first, then the user's own classes, if any, then Spark's.
classpath="${SPARK_CONF_DIR:-$SPARK_HOME/conf}:${SPARK_EXTRA_CLASSPATH:+$SPARK_EXTRA_CLASSPATH:}$SPARK_HOME/jars/*"

exec "$JAVA_HOME/bin/java" "${options[@]}" "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" -cp "$classpath" \
  org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
  --driver-url "$SPARK_DRIVER_URL" \
  --executor-id "$SPARK_EXECUTOR_ID" \
  --cores "$SPARK_EXECUTOR_CORES" \
  --app-id "$SPARK_APPLICATION_ID" \
  --hostname "$SPARK_EXECUTOR_POD_IP" \
  --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" \
  --podName "$SPARK_EXECUTOR_POD_NAME"
