"""The cmdlets of mail contacts.

Source: Microsoft Learn, "New-MailContact", "Get-MailContact", "Set-MailContact", "Remove-MailContact".
"""

from sandbox.faces.exchange_cmdlet import (
    RESULT_SIZE,
    Arguments,
    Cmdlet,
    Row,
    Session,
    cmdlet,
    wanted,
)
from sandbox.faces.exchange_cmdlets_recipients import (
    CREATE_ROLES,
    READ_ROLES,
    WRITE_ROLES,
    recipient_row,
)
from sandbox.world.exchange_refusals import NotFound
from sandbox.world.recipients import Recipient, RecipientKind


def _new_contact(session: Session, call: Arguments) -> list[Row]:
    name = call.text("Name")
    made = session.world.tenant.recipients.add_contact(
        name, call.text("Alias", name.replace(" ", "")), call.text("ExternalEmailAddress")
    )
    if call.has("DisplayName"):
        session.world.tenant.recipients.rename_contact(made.guid, call.text("DisplayName"))
    return [_contact_row(made)]


def _get_contacts(session: Session, call: Arguments) -> list[Row]:
    everyone = session.world.tenant.recipients.all()
    contacts = [r for r in everyone if r.kind is RecipientKind.MAIL_CONTACT]
    found = wanted(call, contacts, Recipient.answers_to)
    if found is None:
        raise NotFound.object_named(call.text("Identity"))
    return [_contact_row(contact) for contact in found]


def _set_contact(session: Session, call: Arguments) -> list[Row]:
    recipients = session.world.tenant.recipients
    recipients.rename_contact(call.text("Identity"), call.text("DisplayName"))
    return []


def _remove_contact(session: Session, call: Arguments) -> list[Row]:
    session.world.tenant.recipients.remove_contact(call.text("Identity"))
    return []


def _contact_row(contact: Recipient) -> Row:
    return {**recipient_row(contact), "ExternalEmailAddress": f"SMTP:{contact.external_address}"}


CMDLETS: tuple[Cmdlet, ...] = (
    cmdlet(
        "New-MailContact",
        CREATE_ROLES,
        _new_contact,
        "!Name",
        "Alias",
        "DisplayName",
        "!ExternalEmailAddress",
    ),
    cmdlet("Get-MailContact", READ_ROLES, _get_contacts, "Identity", RESULT_SIZE),
    cmdlet("Set-MailContact", WRITE_ROLES, _set_contact, "!Identity", "DisplayName"),
    cmdlet("Remove-MailContact", CREATE_ROLES, _remove_contact, "!Identity"),
)
