"""From labelled narratives to a released bundle: one module for each stage of dvc.yaml."""
