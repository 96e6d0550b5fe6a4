"""The content security policy, strict but under /admin/; and no look-ups of the hosts in links."""

from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


class PolicyMiddleware(CSPMiddleware):
    """Add the policy's header to every response, and one that keeps browsers from asking DNS after links."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """A link that a model wrote must tell nobody that it was shown: its host's name may hold a secret."""
        response.headers.setdefault("X-DNS-Prefetch-Control", "off")
        return super().process_response(request, response)

    def get_policy_parts(
        self,
        request: HttpRequest,
        response: HttpResponseBase,
        report_only: bool = False,  # noqa: FBT001, FBT002 - the signature is django-csp's
    ) -> PolicyParts:
        """Widen the policy for django-unfold's inline scripts, which only signed-in staff are served."""
        parts = super().get_policy_parts(request=request, response=response, report_only=report_only)
        if request.path.startswith("/admin/"):
            parts.replace = settings.ADMIN_CONTENT_SECURITY_POLICY
        return parts
