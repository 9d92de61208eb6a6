"""What the services ask of a cloud, and which cloud answers."""
from tools.cloud_adapter.clouds.aws import Aws
from tools.cloud_adapter.clouds.azure import Azure
from tools.cloud_adapter.clouds.gcp import Gcp

CLOUDS = {"aws_cnr": Aws, "azure_cnr": Azure, "gcp_cnr": Gcp}


def connect(account):
    """The cloud that `account`, a row of the accounts table, stands for."""
    try:
        cloud = CLOUDS[account["type"]]
    except KeyError:
        raise ValueError(f"no adapter for a cloud of type {account['type']}") from None
    return cloud(account["config"])
