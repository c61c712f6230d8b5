"""Open the source read-only and count everything; look for other ways into it."""

import json

from activities.alias_rows import bypasses_of
from activities.subject import login_of, record_of
from bascule.domain.codec import encode
from bascule.domain.records import MailboxRef
from bascule.domain.requests import SurveyFacts
from bascule.domain.survey import survey_of
from bascule.ports.bundle import Ports


def survey_source(ports: Ports, ref: MailboxRef) -> SurveyFacts:
    """Log in, list and count; the whole survey goes to the reports, its figures are answered.

    Raises:
        Refusal(SOURCE_LOGIN_REFUSED): the server does not take the user name and password.
        Refusal(SOURCE_FOLDER_UNREADABLE): a folder is listed but cannot be opened.
    """
    record = record_of(ports, ref)
    limits = ports.plan.survey
    # First, because it is quick: an alias map that does not answer would have everything counted again.
    bypasses = bypasses_of(ports, record)
    with ports.source_mail.open(login_of(ports, record)) as mailbox:
        folders = mailbox.folders()
        large = {
            folder.name: mailbox.large_message_count(folder.name, limits.message_size_max_bytes)
            for folder in folders
        }
    survey = survey_of(folders, large, limits, bypasses)
    text = json.dumps(encode(survey), indent=2, ensure_ascii=False)
    ports.blobs.write_report(
        f"{ref.batch}/{ref.key}.survey.json", text.encode(), "application/json"
    )
    offences = tuple(f"{found.offence}:{found.count}" for found in survey.offenders)
    return SurveyFacts(survey.message_count, survey.size_bytes, offences)
