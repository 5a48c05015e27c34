"""mentorcert: a certification registry for peer-mentor programmes, on Supabase."""

from importlib.metadata import version

__version__ = version("mentorcert")
