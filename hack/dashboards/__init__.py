"""The Grafana dashboards, as code: `python -m dashboards FOLDER` writes them as JSON.

Grafana's own SDK builds them, at build time alone: it is no dependency of the operator, and this is why the
package lives here and not among those that are shipped. `make generate` writes manifests/dashboards and the chart's
copies, `make verify` proves that they are current, and tests/prometheus runs every query against a real server.
"""
