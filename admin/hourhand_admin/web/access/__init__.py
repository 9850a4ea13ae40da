"""Who may use the admin: roles, passwords, logins of browsers, tokens of programs, JWTs of Supabase."""
