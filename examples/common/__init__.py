"""What several examples share: tables of their own, pages, a loopback site, language, the run in one go."""
