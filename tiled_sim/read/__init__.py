"""From words, documents and files to an experiment and its inputs."""
