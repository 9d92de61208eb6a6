"""Google Cloud: the billing export in BigQuery, and the machines of a project."""

EXPORT = "gcp_billing_export_v1"


class Gcp:
    """One project; `client` is made by the caller, so that tests can hand in their own."""

    def __init__(self, config, client=None):
        self.project = config["project_id"]
        self.table = f"{self.project}.{config['dataset_name']}.{EXPORT}"
        self.client = client

    def instances(self):
        """Every machine of the project, zone by zone."""
        for zone in sorted(self.client.zones(self.project)):
            yield from self.client.machines(self.project, zone)
