"""The words of the dashboard in the operators' two languages."""

from dataclasses import dataclass

LANGUAGE_COUNT_MAX = 20


@dataclass(frozen=True)
class Words:
    """One language. Stages, codes and names are the same in both, as they are in the runbook."""

    language: str
    title: str
    seen: str
    no_batch: str
    to_do: str
    nothing_to_do: str
    seats: str
    seats_unknown: str
    licence: str
    bought: str
    used: str
    free: str
    rows: str
    states: tuple[tuple[str, str], ...]
    stage: str
    mailboxes: str
    way_back: str
    begun: str
    aside: str
    address: str
    code: str
    detail: str
    since: str
    aside_left_out: str
    synced: str
    never_synced: str
    not_whole: str
    batches_left_out: str
    do_retry: str
    do_difference: str
    do_held_up: str
    do_upload: str
    do_cutover: str
    do_wait_cutover: str
    do_late: str
    do_unmoved: str
    do_doubled: str
    do_seats: str
    tenant: str
    tenant_states: tuple[tuple[str, str], ...]
    do_tenant: str
    do_held: str
    completion: str
    completion_step: str
    completion_phases: tuple[tuple[str, str], ...]
    completion_word: str
    completion_said: str
    completion_waits: str
    completion_looked: str
    completion_open: str
    completion_closed: str
    do_word: str
    do_zone: str
    desks: str
    desk_step: str
    desk_done: str
    desk_left: str
    desks_complete: str
    desks_uncounted: str
    do_desks: str


ENGLISH = Words(
    language="en",
    title="Bascule",
    seen="As of {instant}; the page renews itself every minute.",
    no_batch="No batch has been uploaded yet.",
    to_do="Waits for somebody",
    nothing_to_do="Nothing.",
    seats="Seats",
    seats_unknown="The directory does not answer now.",
    licence="Licence",
    bought="Bought",
    used="Used",
    free="Free",
    rows="rows: {count}",
    states=(
        ("registering", "registering"),
        ("running", "running"),
        ("closed", "closed"),
        ("refused", "refused"),
        ("held up", "held up"),
    ),
    stage="Stage",
    mailboxes="Mailboxes",
    way_back="On the way back",
    begun="In SYNCED, and the cutover has begun: {count}.",
    aside="Set aside",
    address="Address",
    code="Code",
    detail="Detail",
    since="Since",
    aside_left_out="Not shown: {count}. The API and the command line have them.",
    synced="Last syncs: the oldest {first}, the newest {last}.",
    never_synced="No mailbox waits in SYNCED.",
    not_whole="There are more rows than this page reads: the figures are a part.",
    batches_left_out="Older batches that are not shown: {count}.",
    do_retry="Set aside: {count}. Follow the codes, then retry, abandon or roll back.",
    do_difference="A changed upload waits to be accepted.",
    do_held_up="Held up: bascule batches show says by what.",
    do_upload="The last upload was refused: mend the file and upload it again.",
    do_cutover="Synced, and nobody has asked for a cutover: {count}.",
    do_wait_cutover="Cutovers planned: {count}, the first at {instant}.",
    do_late="Without a sync for too long: {count}. Look at the migration batch in Exchange.",
    do_unmoved="Stories that have stopped: {count}. The watchdog wakes them; if they stay, look at the host.",
    do_doubled="Mailboxes with messages twice: {count}. Their certificates name the messages; tell their owners.",
    do_seats="No seat of {licence} is free.",
    tenant="Tenant: {state}.",
    tenant_states=(
        ("not_prepared", "no record of its preparation, so nobody watches over it"),
        ("as_recorded", "as recorded"),
        ("differs", "not as recorded"),
        ("unknown", "nobody could look for a while"),
    ),
    do_tenant="Not as recorded: {finding}",
    do_held="Cutovers are held until the tenant is as recorded again.",
    completion="Completion of the tenant",
    completion_step="{phase}, {step} of {whole}, since {instant}",
    completion_phases=(
        ("not_begun", "not begun. When everybody has moved: bascule completion say begin."),
        ("lowering", "The records that will change get a low TTL, and the old one is waited out."),
        ("changing", "Public DNS gets the tenant's records, and the old ones are waited out."),
        ("ready", "Public DNS shows the tenant's records. Next the tenant owns the domains."),
        ("turning", "The tenant takes the domains for its own, one after the other."),
        ("routing", "The tenant owns the domains. Next rule, connectors and group are removed."),
        ("endpoint", "No mail needs the old servers. Next the migration endpoint is removed."),
        ("keys", "Nothing is read from the source. Next the keys of all batches are destroyed."),
        ("separating", "SPF is changed so that the tenant alone sends."),
        ("complete", "Done. The report is TENANT/report.json in the container reports."),
    ),
    completion_word="It waits for the word {word}: bascule completion say {word}.",
    completion_said="The word {word} was said, its deed is not done yet. If it stays so, bascule completion show says why.",
    completion_waits="It waits until {instant}: then nobody remembers the old records.",
    completion_looked="Public DNS, last looked at {instant}. Findings: {count}.",
    completion_open="Batches that are not closed: {count}. A word needs every mailbox at its end.",
    completion_closed="Uploads are refused.",
    do_word="It waits for the word {word}.",
    do_zone="Public DNS is not as it has to be, edit the zone. Findings: {count}.",
    desks="Users' desks",
    desk_step="Step",
    desk_done="Done",
    desk_left="Left",
    desks_complete="Desks with nothing left to do: {count} of {whole}.",
    desks_uncounted="There are more desks than this page counts: bascule batches show {batch}.",
    do_desks="Desks with something left to do: {count}.",
)
FRENCH = Words(
    language="fr",
    title="Bascule",
    seen="État au {instant} ; la page se renouvelle chaque minute.",
    no_batch="Aucun lot n'a encore été déposé.",
    to_do="Attend quelqu'un",
    nothing_to_do="Rien.",
    seats="Licences",
    seats_unknown="L'annuaire ne répond pas en ce moment.",
    licence="Licence",
    bought="Achetées",
    used="Utilisées",
    free="Libres",
    rows="lignes : {count}",
    states=(
        ("registering", "enregistrement"),
        ("running", "en cours"),
        ("closed", "clos"),
        ("refused", "refusé"),
        ("held up", "retenu"),
    ),
    stage="Étape",
    mailboxes="Boîtes",
    way_back="Sur le retour",
    begun="À l'étape SYNCED, bascule commencée : {count}.",
    aside="Mises de côté",
    address="Adresse",
    code="Code",
    detail="Détail",
    since="Depuis",
    aside_left_out="Non affichées : {count}. L'API et la ligne de commande les ont.",
    synced="Dernières synchronisations : la plus ancienne {first}, la plus récente {last}.",
    never_synced="Aucune boîte n'attend à l'étape SYNCED.",
    not_whole="Il y a plus de lignes que cette page n'en lit : les chiffres sont partiels.",
    batches_left_out="Lots plus anciens non affichés : {count}.",
    do_retry="Mises de côté : {count}. Suivre les codes, puis réessayer, abandonner ou revenir.",
    do_difference="Un dépôt modifié attend d'être accepté.",
    do_held_up="Retenu : bascule batches show dit par quoi.",
    do_upload="Le dernier dépôt a été refusé : corriger le fichier et le déposer à nouveau.",
    do_cutover="Synchronisées, sans bascule demandée : {count}.",
    do_wait_cutover="Bascules prévues : {count}, la première le {instant}.",
    do_late="Sans synchronisation depuis trop longtemps : {count}. Voir le lot de migration dans Exchange.",
    do_unmoved="Récits arrêtés : {count}. Le gardien les réveille ; s'ils restent arrêtés, voir l'hôte.",
    do_doubled="Boîtes où des messages sont en double : {count}. Leurs certificats les nomment ; prévenir les titulaires.",
    do_seats="Aucune licence {licence} n'est libre.",
    tenant="Tenant : {state}.",
    tenant_states=(
        ("not_prepared", "sa préparation n'est pas enregistrée, donc personne ne veille"),
        ("as_recorded", "comme enregistré"),
        ("differs", "diffère de ce qui est enregistré"),
        ("unknown", "personne n'a pu regarder depuis un moment"),
    ),
    do_tenant="Diffère de ce qui est enregistré : {finding}",
    do_held="Les bascules sont retenues jusqu'à ce que le tenant soit comme enregistré.",
    completion="Achèvement du tenant",
    completion_step="{phase}, {step} sur {whole}, depuis le {instant}",
    completion_phases=(
        ("not_begun", "pas commencé. Quand tout le monde a migré : bascule completion say begin."),
        ("lowering", "Les enregistrements à changer prennent un TTL bas, et l'ancien s'écoule."),
        ("changing", "Le DNS public prend les enregistrements du tenant, les anciens s'oublient."),
        (
            "ready",
            "Le DNS public montre les enregistrements du tenant. Ensuite les domaines sont à lui.",
        ),
        ("turning", "Le tenant prend les domaines pour siens, l'un après l'autre."),
        (
            "routing",
            "Les domaines sont au tenant. Ensuite règle, connecteurs et groupe sont retirés.",
        ),
        (
            "endpoint",
            "Plus aucun courrier ne passe par les anciens serveurs. Ensuite le point de terminaison est retiré.",
        ),
        (
            "keys",
            "Plus rien n'est lu à la source. Ensuite les clés de tous les lots sont détruites.",
        ),
        ("separating", "SPF est modifié pour que le tenant envoie seul."),
        ("complete", "Terminé. Le rapport est TENANT/report.json dans le conteneur reports."),
    ),
    completion_word="Il attend le mot {word} : bascule completion say {word}.",
    completion_said="Le mot {word} a été dit, l'acte n'est pas encore fait. Si cela dure, bascule completion show dit pourquoi.",
    completion_waits="Il attend jusqu'au {instant} : alors plus personne ne se souvient des anciens enregistrements.",
    completion_looked="DNS public, regardé pour la dernière fois le {instant}. Constats : {count}.",
    completion_open="Lots qui ne sont pas clos : {count}. Un mot exige que chaque boîte soit à sa fin.",
    completion_closed="Les dépôts sont refusés.",
    do_word="Il attend le mot {word}.",
    do_zone="Le DNS public n'est pas comme il doit être, modifier la zone. Constats : {count}.",
    desks="Postes de travail",
    desk_step="Tâche",
    desk_done="Faite",
    desk_left="Reste",
    desks_complete="Postes où il ne reste rien à faire : {count} sur {whole}.",
    desks_uncounted="Il y a plus de postes que cette page n'en compte : bascule batches show {batch}.",
    do_desks="Postes où il reste à faire : {count}.",
)
LANGUAGES = {words.language: words for words in (ENGLISH, FRENCH)}


def words_for(accepted: str) -> Words:
    """The language that a browser likes best, by its Accept-Language header; English when it says nothing we know.

    Source: RFC 9110, section 12.5.4.
    """
    wishes = [_wish(part) for part in accepted.split(",")[:LANGUAGE_COUNT_MAX]]
    known = [(weight, name) for weight, name in wishes if name in LANGUAGES and weight > 0]
    # The first of equals, as the header orders them.
    return LANGUAGES[max(known, key=lambda wish: wish[0])[1]] if known else ENGLISH


def _wish(part: str) -> tuple[float, str]:
    tag, _, parameter = part.partition(";")
    weight = parameter.strip().removeprefix("q=")
    try:
        return (float(weight) if parameter else 1.0), tag.strip().lower().partition("-")[0]
    except ValueError:
        # A weight that cannot be read is no wish.
        return 0.0, ""
