"""How Exchange says no: one class per .NET type that callers tell apart.

    ExchangeRefusal
      NotFound               ManagementObjectNotFoundException
      AlreadyExists          ADObjectAlreadyExistsException
      AddressTaken           ProxyAddressExistsException
      MemberAlready          MemberAlreadyExistsException
      MemberMissing          MemberNotFoundException
      GroupManagerRequired   OperationRequiresGroupManagerException
      DomainNotAccepted      NotAcceptedDomainException
      MigrationRefused       one of the migration service's own types

Source: Microsoft Learn, the pages of the cmdlets; the type names are those of the service's error answers.
"""

from typing import ClassVar


class ExchangeRefusal(Exception):
    """The service understood the call and will not do it."""

    net_type: ClassVar[str] = "Microsoft.Exchange.Configuration.Tasks.TaskException"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class NotFound(ExchangeRefusal):
    """No object has that identity."""

    net_type = "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException"

    @classmethod
    def object_named(cls, identity: str) -> "NotFound":
        """The service's sentence for an identity nobody has."""
        return cls(
            f"The operation couldn't be performed because object '{identity}' couldn't be found "
            "on 'DB8PR05A001DC01.EURPR05A001.PROD.OUTLOOK.COM'."
        )


class AlreadyExists(ExchangeRefusal):
    """The name is taken."""

    net_type = "Microsoft.Exchange.Data.Directory.ADObjectAlreadyExistsException"


class AddressTaken(ExchangeRefusal):
    """Another recipient has that address."""

    net_type = "Microsoft.Exchange.Data.Directory.Recipient.ProxyAddressExistsException"


class MemberAlready(ExchangeRefusal):
    """The recipient is in the group already."""

    net_type = "Microsoft.Exchange.Management.Tasks.MemberAlreadyExistsException"


class MemberMissing(ExchangeRefusal):
    """The recipient is not in the group."""

    net_type = "Microsoft.Exchange.Management.Tasks.MemberNotFoundException"


class GroupManagerRequired(ExchangeRefusal):
    """The caller neither owns the group nor asked to go around its owners."""

    net_type = "Microsoft.Exchange.Management.Tasks.OperationRequiresGroupManagerException"


class DomainNotAccepted(ExchangeRefusal):
    """The address lies in a domain that the tenant does not accept mail for."""

    net_type = "Microsoft.Exchange.Data.Directory.NotAcceptedDomainException"


class InvalidArgument(ExchangeRefusal):
    """A value that binds but makes no sense."""

    net_type = "System.ArgumentException"


class MigrationRefused(ExchangeRefusal):
    """The migration service says no."""

    net_type = "Microsoft.Exchange.Migration.MigrationPermanentException"


class CsvRefused(MigrationRefused):
    """The rows of a batch cannot be read."""

    net_type = "Microsoft.Exchange.Migration.MigrationCSVParsingException"


class BatchBusy(MigrationRefused):
    """The batch is in a state that takes no such command."""

    net_type = "Microsoft.Exchange.Migration.MigrationBatchInvalidStateException"


class EndpointUnreachable(MigrationRefused):
    """The source server cannot be reached as described."""

    net_type = "Microsoft.Exchange.Migration.MigrationServerConnectionFailedException"


class BatchMissing(NotFound):
    """No batch has that identity."""

    @classmethod
    def named(cls, identity: str) -> "BatchMissing":
        """The service's sentence."""
        return cls(f'The migration batch "{identity}" can\'t be found.')


class MigrationUserMissing(NotFound):
    """No migration user has that identity."""

    @classmethod
    def named(cls, identity: str) -> "MigrationUserMissing":
        """The service's sentence."""
        return cls(f'The migration user "{identity}" can\'t be found.')


class EndpointMissing(NotFound):
    """No migration endpoint has that identity."""

    @classmethod
    def named(cls, identity: str) -> "EndpointMissing":
        """The service's sentence."""
        return cls(f'The migration endpoint "{identity}" can\'t be found.')
