"""The rights that the migrations grant; `python -m tests.support.generated_rights` lists them again."""

from mentorcert.access import rights
from mentorcert.db.connection import connect
from tests.support.servers import embedded_18


def main() -> None:
    """Write the list again, from a database of its own."""
    with (
        embedded_18() as server,
        server.migrated_template() as database,
        connect(server.database_url(database), autocommit=True) as conn,
    ):
        rights.LIST.write_text("".join(f"{line}\n" for line in rights.held(conn)), "utf-8")


if __name__ == "__main__":
    main()
