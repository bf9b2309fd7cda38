"""From labelled customers to an artifact. The only importer of scikit-learn; nothing that serves imports it."""
