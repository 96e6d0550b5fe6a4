"""What `/admin/` shows of rows that change by actions only."""

from typing import Any

from unfold.admin import ModelAdmin


class ReadOnlyAdmin(ModelAdmin):
    """Rows to be read: nobody adds, changes or deletes one here."""

    def has_add_permission(self, *_: Any) -> bool:
        """Nobody adds one here."""
        return False

    def has_change_permission(self, *_: Any) -> bool:
        """Nobody changes one here."""
        return False

    def has_delete_permission(self, *_: Any) -> bool:
        """Nobody deletes one here."""
        return False
