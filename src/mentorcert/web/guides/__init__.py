"""What one can do and where, for each role: as pages, and as a sheet to print."""

from mentorcert.web.guides.pages import router

__all__ = ["router"]
