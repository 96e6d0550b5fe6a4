"""How allauth is fitted to this portal: its mails leave by a worker, and its signals reach the ledger."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest

from portal.common import mail


class AccountAdapter(DefaultAccountAdapter):
    """Account policy."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Render allauth's mail now and hand it to a worker."""
        message = self.render_mail(template_prefix, email, {"request": self.request, **context})
        html = next((part[0] for part in getattr(message, "alternatives", []) if part[1] == "text/html"), "")
        mail.enqueue(subject=message.subject, to=email, text=str(message.body), html=str(html))

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:  # noqa: FBT001, FBT002
        """Keep the address in lower case."""
        user = super().save_user(request, user, form, commit=False)
        user.email = user.email.lower()
        if commit:
            user.save()
        return user


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """Sign-in with GitHub or Google."""

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> Any:
        """Take the person's full name along."""
        user = super().populate_user(request, sociallogin, data)
        user.full_name = (data.get("name") or "")[:150]
        return user
