"""`mentorcert worker`: runs the nightly run, sends notices, invitations and letters, and deletes what is kept no longer."""

from functools import partial

from mentorcert import loops
from mentorcert.cli import notices
from mentorcert.cli.service import MetricsHost, MetricsPort, say, serve_each, service, working
from mentorcert.cli.signals import stop_event
from mentorcert.db.databases import Database, configured
from mentorcert.notices.outbox import OutboxSender
from mentorcert.notices.sending import Sender
from mentorcert.operations import heartbeat, journal, journal_places, retention
from mentorcert.operations import nightly as nights
from mentorcert.operations.alerting import alerting, channels
from mentorcert.operations.job_metrics import JobMetrics
from mentorcert.settings import settings


def worker(*, metrics_port: MetricsPort = None, metrics_host: MetricsHost = "127.0.0.1") -> None:
    """Do the nightly run whenever an organisation's day begins, until stopped (instead of pg_cron).

    Also sends the notices at eight each morning, invitations and letters at once, if a mail server is set, and deletes what
    is kept no longer; where MENTORCERT_READ_URL names a standby, writes the heartbeat that
    shows how far it is behind.

    Any number of workers may run; the ledger says what is due, and each run is done once. With MENTORCERT_DATABASE_URLS
    or MENTORCERT_DATABASES_DIR it serves several databases, none of which holds up another.
    """
    stop, databases = stop_event(), configured(settings())
    # A wrong setting ends the process at its start, whichever database it is of.
    senders = {one.name: _senders(one) for one in databases}
    channels_of = {one.name: channels(one.settings) for one in databases}
    places = {one.name: journal_places.from_settings(one.settings) for one in databases}

    def work(database: Database) -> None:
        sending, connect = senders[database.name], database.connect
        say(
            database,
            f"Running{'' if sending else ', without a mail server for notices'}; stop with Ctrl-C.",
        )
        # Alerts here too: the portal's own worker can't say that it does not run.
        with (
            alerting(channels_of[database.name], connect),
            journal.keeping(places[database.name], connect),
            loops.in_threads(
                partial(retention.run_forever, connect),
                *([partial(heartbeat.run_forever, connect)] if database.settings.read_url else []),
                *(partial(one.run_forever, connect) for one in sending),
            ),
        ):
            nights.run_forever(connect, stop)

    def figures(database: Database) -> JobMetrics:
        return JobMetrics(database.connect, sends_notices=bool(senders[database.name]))

    with service("worker"), working(databases, (metrics_host, metrics_port), figures):
        serve_each(databases, "mentorcert_jobs", work, stop)


def _senders(database: Database) -> list[Sender | OutboxSender]:
    sender = notices.sender(database.settings)
    if sender is None:
        return []
    inviting = notices.invitation_sender(sender, database.settings)
    return [sender, inviting, notices.queued_sender(sender)]
