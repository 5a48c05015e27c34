"""An administrator invites peer mentors and coordinators, on a phone and at a desk, in both languages."""

from playwright.sync_api import expect

from tests.web.browser.conftest import Language, Visitors
from tests.web.browser.test_accessibility import needs_axe, violations
from tests.web.browser.test_forms import in_both
from tests.web.browser.test_main_paths import button, texts


@needs_axe
@in_both
def test_who_is_invited_is_seen_first(visitors: Visitors, language: Language, width: int) -> None:
    _ = texts(language)
    with visitors.visit("administrator", language, width=width) as page:

        def is_fine() -> None:
            assert violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

        page.goto("/admin/invitations")
        page.get_by_label(_("E-mail addresses")).fill("kari")
        page.get_by_label(_("Role")).select_option("org_admin")
        button(page, _("Invite")).click()
        expect(page.get_by_role("alert")).to_contain_text("kari")
        is_fine()
        page.get_by_label(_("E-mail addresses")).fill(
            f"kari-{language}-{width}@example.org\nola-{language}-{width}@example.org"
        )
        button(page, _("Invite")).click()
        expect(page.get_by_role("status")).to_contain_text("2")
        expect(page.get_by_text(f"kari-{language}-{width}@example.org").first).to_be_visible()
        is_fine()
        page.get_by_role("link", name=_("Invite all peer mentors without a login")).click()
        expect(page.get_by_text(_("Nothing is sent yet."))).to_be_visible()
        is_fine()
