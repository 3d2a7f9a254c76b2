"""Page that explores the latent space of digit generators: template, style, scripts, and the data they need."""
