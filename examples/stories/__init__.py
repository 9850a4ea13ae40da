"""Stories from feeds, videos, uploads and pages: seventeen tasks that trigger each other; see README.md."""
