"""See, before the first write, that accounts can be created in the domains of a batch, and sign in there."""

from activities.uploads import read_upload
from bascule.domain.addresses import domain_of
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.requests import BatchRef
from bascule.ports.bundle import Ports

FEDERATED = "Federated"


def check_domains(ports: Ports, ref: BatchRef) -> int:
    """How many domains were looked at; none when the plan creates no accounts.

    Raises:
        Refusal(DOMAIN_FEDERATED): another system signs its users in, or the tenant has not verified the domain.
    """
    if not ports.plan.accounts.create:
        return 0
    _, file = read_upload(ports, ref)
    wanted = sorted({domain_of(row.address) for row in file.rows})
    verified = ports.directory.verified_domains()
    for domain in wanted:
        if domain not in verified:
            raise Refusal(Code.DOMAIN_FEDERATED, f"{domain} is no verified domain of the tenant")
        if verified[domain] == FEDERATED:
            detail = f"sign-in to {domain} is federated: no account can be given a password here"
            raise Refusal(Code.DOMAIN_FEDERATED, detail)
    return len(wanted)
