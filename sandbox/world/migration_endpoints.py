"""Migration endpoints: how the service reaches source servers, and how much it does at once.

Source: Microsoft Learn, "New-MigrationEndpoint", "Set-MigrationEndpoint", "Test-MigrationServerAvailability".
"""

from dataclasses import dataclass, field, replace

from sandbox.world.exchange_refusals import (
    AlreadyExists,
    EndpointMissing,
    EndpointUnreachable,
    InvalidArgument,
    MigrationRefused,
)
from sandbox.world.kernel import Kernel
from sandbox.world.migration_engine import MigrationEngine
from sandbox.world.migration_states import Endpoint
from sandbox.world.replication import new_guid


@dataclass
class MigrationEndpoints:
    """All migration endpoints of the tenant."""

    engine: MigrationEngine
    unreachable_servers: dict[str, str] = field(default_factory=dict)
    """{host: why the service cannot reach it}; every other host answers."""

    def __post_init__(self) -> None:
        self.books = self.engine.books

    @property
    def kernel(self) -> Kernel:
        """The world's clock and chance."""
        return self.engine.kernel

    def test_server(self, remote_server: str) -> str | None:
        """Why the service cannot reach a source server; None when it can."""
        with self.kernel.look():
            return self.unreachable_servers.get(remote_server.lower())

    def create(self, endpoint: Endpoint, *, skip_verification: bool = False) -> Endpoint:
        """Add an endpoint; a GUID is given.

        Raises:
            AlreadyExists: one of that name exists.
            InvalidArgument: more incremental syncs than migrations at once.
            EndpointUnreachable: the server does not answer as described.
        """
        with self.kernel.look():
            if any(endpoint.answers_to(other.name) for other in self.books.endpoints.values()):
                raise AlreadyExists(
                    f'A migration endpoint with the name "{endpoint.name}" already exists.'
                )
            _check_concurrency(endpoint)
            reason = None if skip_verification else self.test_server(endpoint.remote_server)
            if reason is not None:
                raise EndpointUnreachable(reason)
            made = replace(
                endpoint, guid=new_guid(self.kernel), last_modified_utc=self.kernel.now_utc()
            )
            self.books.endpoints[made.guid] = made
            return made

    def change(self, endpoint: Endpoint) -> None:
        """Replace the endpoint of that GUID; the new limits hold from the next slot given.

        Raises:
            InvalidArgument: more incremental syncs than migrations at once.
        """
        with self.kernel.look():
            _check_concurrency(endpoint)
            self.books.endpoints[endpoint.guid] = replace(
                endpoint, last_modified_utc=self.kernel.now_utc()
            )
            self.engine.give_slots(endpoint.name)

    def all(self) -> list[Endpoint]:
        """All endpoints, by name."""
        with self.kernel.look():
            return sorted(self.books.endpoints.values(), key=lambda endpoint: endpoint.name)

    def require(self, identity: str) -> Endpoint:
        """The endpoint of that GUID or name.

        Raises:
            NotFound: there is none.
        """
        with self.kernel.look():
            found = next((e for e in self.all() if e.answers_to(identity)), None)
            if found is None:
                raise EndpointMissing.named(identity)
            return found

    def remove(self, identity: str) -> None:
        """Delete an endpoint.

        Raises:
            NotFound: there is none.
            MigrationRefused: a batch uses it.
        """
        with self.kernel.look():
            gone = self.require(identity)
            if any(b.endpoint_name == gone.name for b in self.books.batches.values()):
                raise MigrationRefused(
                    f"The migration endpoint \"{gone.name}\" can't be removed because it's being used by migration batches."
                )
            del self.books.endpoints[gone.guid]


def _check_concurrency(endpoint: Endpoint) -> None:
    if endpoint.concurrent_incremental_syncs_max > endpoint.concurrent_migrations_max:
        raise InvalidArgument(
            "MaxConcurrentIncrementalSyncs can't be greater than MaxConcurrentMigrations."
        )
