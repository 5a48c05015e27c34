"""Sign-in and sessions: cookies, tokens, Supabase Auth, rate limits."""
