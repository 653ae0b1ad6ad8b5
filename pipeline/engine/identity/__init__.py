"""Identity: which customer an identifier names. A concern of the subject 0 of each org, the org itself."""
