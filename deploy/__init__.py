"""What turns this tree into images, a Space and a deployment on AWS; runs on a person's machine only."""
