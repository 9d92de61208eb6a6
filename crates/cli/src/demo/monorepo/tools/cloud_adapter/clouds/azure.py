"""Microsoft Azure: consumption of a subscription, and its machines."""


class Azure:
    """One subscription; `client` is made by the caller, so that tests can hand in their own."""

    def __init__(self, config, client=None):
        self.subscription = config["subscription_id"]
        self.client = client

    def instances(self):
        """Every machine of the subscription."""
        for machine in self.client.virtual_machines(self.subscription):
            yield {"id": machine["name"], "flavor": machine["size"], "region": machine["location"].lower()}
