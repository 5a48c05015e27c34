"""`supabase/schema.sql` is what the migrations make, on every server."""

from tests.support.generated_schema import FILE, schema
from tests.support.servers import Server


def test_file(server: Server, database: str) -> None:
    assert FILE.read_text("utf-8") == schema(server, database), "run `make schema`"
