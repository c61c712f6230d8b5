"""Where a source folder's mail is expected, and where mail goes back to."""

import pytest

from bascule.domain.folders import cloud_paths, home_name

DOVECOT = {
    "INBOX": ("INBOX",),
    "Sent": ("Sent",),
    "Trash": ("Trash",),
    "Projets": ("Projets",),
    "Projets/Été": ("Projets", "Été"),
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("INBOX", ("Inbox",)),
        ("Sent", ("Sent Items",)),
        ("Trash", ("Deleted Items",)),
        ("Projets", ("Projets",)),
        ("Projets/Été", ("Projets", "Été")),
    ],
)
def test_special_folders_change_their_name_and_others_keep_it(
    name: str, expected: tuple[str, ...]
) -> None:
    """Mail looked for in the wrong folder counts as moved, and nobody trusts the certificate."""
    assert cloud_paths(DOVECOT)[name] == expected


def test_names_are_compared_without_regard_to_case() -> None:
    """Servers write `inbox`, `SENT` and `trash`."""
    folders = {"inbox": ("inbox",), "SENT": ("SENT",)}

    assert cloud_paths(folders) == {"inbox": ("Inbox",), "SENT": ("Sent Items",)}


def test_of_two_candidates_one_takes_the_role() -> None:
    """The other becomes an ordinary folder, as the service makes it."""
    folders = {"Sent": ("Sent",), "Sent Items": ("Sent Items",), "INBOX": ("INBOX",)}
    paths = cloud_paths(folders)

    assert paths["Sent Items"] == ("Sent Items",)
    assert paths["Sent"] == ("Sent",)


def test_a_folder_below_a_special_one_follows_it() -> None:
    """`Trash/2019` lies below the deleted items, not beside them."""
    folders = {"Trash": ("Trash",), "Trash.2019": ("Trash", "2019")}

    assert cloud_paths(folders)["Trash.2019"] == ("Deleted Items", "2019")


def test_mail_goes_back_to_the_folder_it_would_have_come_from() -> None:
    """A sent message that comes home to the inbox looks like a stranger's."""
    assert home_name(("Sent Items",), DOVECOT) == "Sent"
    assert home_name(("Projets", "Été"), DOVECOT) == "Projets/Été"
    assert home_name(("Junk Email",), DOVECOT) is None


def test_every_folder_has_a_way_there_and_back() -> None:
    """A folder without a way back would empty itself into the inbox."""
    paths = cloud_paths(DOVECOT)

    assert {name: home_name(path, DOVECOT) for name, path in paths.items()} == {
        name: name for name in DOVECOT
    }
