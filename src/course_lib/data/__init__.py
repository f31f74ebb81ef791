"""What the chapters train on: generated, bundled with a dependency, or fetched."""
