"""A registry to develop an app against: sample data, pages, Data API and Auth at one address of this machine."""
