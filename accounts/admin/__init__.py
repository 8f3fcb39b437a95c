from accounts.admin import signing
from accounts.admin.users import USER_INLINES

__all__ = ["USER_INLINES", "signing"]
