"""The plug-ins for editors: where their files are, where editors look for them, and how they reach dis-core."""
