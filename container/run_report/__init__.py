"""The report of a run: what Prometheus saw of an endpoint, as figures, findings and views of them."""
