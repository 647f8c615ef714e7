"""The running process, by topic: what it prints, who it lets in, how it ends."""
