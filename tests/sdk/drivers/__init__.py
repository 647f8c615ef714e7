"""The official SDKs behind one face, so that one test can be asked of each."""
