"""The operator's process: settings from the environment, one connection to the cluster, kopf in the main thread."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Sequence

import kopf
from pydantic import ValidationError

from shapebench import __version__
from shapebench.api.settings import Settings, from_environment
from shapebench.handlers import endpoints
from shapebench.handlers.operator import Operator, Reconcile
from shapebench.handlers.register import registry_of
from shapebench.kube import connect, errors
from shapebench.kube.cluster import KubeCluster
from shapebench.kube.transport import Transport
from shapebench.results import stores
from shapebench.results.keeper import Keeper

log = logging.getLogger(__name__)

CRDS_TIMEOUT_S = 60.0
CRDS_POLL_S = 1.0

_QUIET = {"kopf.objects": logging.WARNING, "kopf.activities": logging.WARNING, "aiohttp.access": logging.WARNING,
          "urllib3": logging.ERROR}
"""Libraries that say at INFO what is of no use, per event or per probe."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal; the exit code is not 0 when the operator could not start or did not end by itself."""
    options = _parser().parse_args(arguments)
    _log(options.log_format, options.verbose)
    try:
        settings = from_environment(os.environ)
    except ValidationError as error:
        log.error("the environment is wrong: %s", "; ".join(
            f"SHAPEBENCH_{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors()))
        return 2
    try:
        keeper = Keeper(settings.results_url, stores.opened(settings.results_url)) if settings.results_url else None
        cluster = KubeCluster(Transport(connect.client()), settings.driver_service_account, results=keeper)
        return run(settings, cluster, _reconcile())
    except stores.StoreError as error:
        log.error("SHAPEBENCH_RESULTS_URL: %s", error)
        return 2
    except errors.KubeError as error:
        log.error("%s", error)
        return 1


def run(settings: Settings, cluster: KubeCluster, reconcile: Reconcile) -> int:
    """Serve, wait for the CRDs, and run kopf until a signal. Raises what kopf dies of."""
    operator = Operator(settings, cluster, reconcile)
    operator.serve()
    if not _await_own_kinds(cluster):
        log.error("the CustomResourceDefinitions of Shapebench are not installed: install the chart with "
                  "crds.install=true, or kubectl apply -f manifests/crd")
        return 1
    log.info("Shapebench %s watches %s", __version__, ", ".join(settings.namespaces) or "all namespaces")
    kopf.run(registry=registry_of(operator), standalone=True, clusterwide=not settings.namespaces,
             namespaces=settings.namespaces,
             liveness_endpoint=f"http://{endpoints.any_host(settings.probe_port)}:{settings.probe_port}/healthz")
    return 0


def _await_own_kinds(cluster: KubeCluster) -> bool:
    """Wait for the API server to serve the CRDs: Helm applies them moments before the Deployment."""
    deadline = time.monotonic() + CRDS_TIMEOUT_S
    while not cluster.serves_own_kinds():
        if time.monotonic() > deadline:
            return False
        time.sleep(CRDS_POLL_S)
    return True


def _reconcile() -> Reconcile:
    from shapebench.reconcile.loop import reconcile
    return reconcile


def _log(log_format: str, verbose: bool) -> None:
    kopf.configure(verbose=verbose, log_format=kopf.LogFormat.JSON if log_format == "json" else kopf.LogFormat.FULL,
                   log_refkey="k8s")
    if not verbose:
        for name, level in _QUIET.items():
            logging.getLogger(name).setLevel(level)


_VARIABLES = {
    "operator_image": "image with the agent, copied into every pod of a run",
    "spark_image": "image of Spark runs that name none",
    "tensorflow_image": "image of TensorFlow runs that name none",
    "image_pull_policy": "for the three images: Always, IfNotPresent or Never",
    "driver_service_account": "account of Spark drivers; it must exist in the Benchmark's namespace",
    "namespaces": "namespaces to watch, comma-separated; empty: all",
    "metrics_port": "port of /metrics and /readyz",
    "probe_port": "port of /healthz",
    "sample_interval_s": "seconds between two samples in a run's pods, 0.1 to 60",
    "system_namespaces": "whose pods may be on a node of a run with isolation: Node, comma-separated",
    "results_url": "where records of runs are kept: file:///folder, s3://bucket/folder, …; empty: in ConfigMaps",
    "results_service": "namespace/name:port of the Service of this operator, through which a file: store is read",
    "remote_write_url": "where the series of finished runs are sent, such as http://prometheus:9090/api/v1/write",
    "remote_write_timeout_s": "seconds that one request may take",
    "remote_write_per_pod": "whether each pod's series are sent too, or only the run's: true or false",
    "remote_write_labels": 'labels on all of them, as {"cluster": "a"}',
    "remote_write_headers": 'headers of each request, as {"X-Scope-OrgID": "a"}',
    "remote_write_credentials": "folder with the file token, or the files username and password",
    "remote_write_ca_file": "certificates to trust there instead of the system's",
}


def _parser() -> argparse.ArgumentParser:
    lines = ["environment (the Helm chart sets these):"]
    for name, text in _VARIABLES.items():
        default = Settings.model_fields[name].default or "none"
        default = ",".join(default) if isinstance(default, tuple) else default
        lines.append(f"  SHAPEBENCH_{name.upper():<24} {text} [{default}]")
    lines += ["", "The cluster is the one that the pod runs in, else the current context of KUBECONFIG.",
              "Exactly one operator may run in a cluster, or per set of namespaces."]
    parser = argparse.ArgumentParser(
        prog="python -m shapebench.main", description="The Shapebench operator.", epilog="\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log-format", choices=("json", "plain"), default="json", help="default: json")
    parser.add_argument("--verbose", action="store_true", help="say what kopf and the client do")
    parser.add_argument("--version", action="version", version=__version__)
    return parser


if __name__ == "__main__":
    sys.exit(main())
