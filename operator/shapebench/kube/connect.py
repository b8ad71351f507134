"""Finding the cluster: the pod's own service account, else the user's kubeconfig."""

from __future__ import annotations

from kubernetes.client.api_client import ApiClient
from kubernetes.client.configuration import Configuration
from kubernetes.config.config_exception import ConfigException
from kubernetes.config.incluster_config import load_incluster_config
from kubernetes.config.kube_config import list_kube_config_contexts, load_kube_config

from shapebench import __version__
from shapebench.kube import errors

CONNECTIONS = 8
"""Kept open at once; more threads than this are not started."""


def namespace(context: str | None = None) -> str:
    """The namespace of a kubeconfig's context (None: its current one), as kubectl takes it; else "default"."""
    try:
        contexts, current = list_kube_config_contexts()
    except ConfigException:
        return "default"
    chosen = next((one for one in contexts if one["name"] == context), None) if context is not None else current
    found: str = ((chosen or {}).get("context") or {}).get("namespace") or "default"
    return found


def client(context: str | None = None) -> ApiClient:
    """A client for the cluster that the process runs in, or for a kubeconfig's context (None: its current one).

    Raises UnavailableError when neither is there.
    """
    configuration = Configuration()
    if context is not None or not _in_cluster(configuration):
        _from_kubeconfig(configuration, context)
    configuration.connection_pool_maxsize = CONNECTIONS
    configuration.retries = False  # the transport repeats calls itself, and knows when to stop
    made = ApiClient(configuration)
    made.user_agent = f"shapebench/{__version__}"
    return made


def _in_cluster(configuration: Configuration) -> bool:
    try:
        load_incluster_config(client_configuration=configuration)
    except ConfigException:
        return False
    configuration.proxy = None  # HTTPS_PROXY is for what is outside; to one's own API server no proxy leads
    return True


def _from_kubeconfig(configuration: Configuration, context: str | None) -> None:
    try:
        load_kube_config(context=context, client_configuration=configuration)
    except ConfigException as error:
        raise errors.UnavailableError(
            f"no cluster: {f'{error}'.rstrip('.')}. Set KUBECONFIG, or make a cluster with `make kind-up`") from error
