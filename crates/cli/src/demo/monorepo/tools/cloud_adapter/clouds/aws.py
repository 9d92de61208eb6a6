"""Amazon Web Services: cost and usage reports, instances and volumes."""

PAGE = 1000


class Throttled(Exception):
    """The API asks us to slow down."""


class Aws:
    """One account; `client` is made by the caller, so that tests can hand in their own."""

    def __init__(self, config, client=None):
        self.region = config.get("region_name", "us-east-1")
        self.bucket = config.get("bucket_name")
        self.client = client

    def ask(self, call, **arguments):
        return call(**arguments)

    def instances(self):
        """Every instance of the account, page by page."""
        token = None
        while True:
            page = self.ask(self.client.describe_instances, MaxResults=PAGE, NextToken=token)
            yield from page["Instances"]
            token = page.get("NextToken")
            if not token:
                return
