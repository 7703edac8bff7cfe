"""Train one model in several processes, which share each batch, through MXNet's parameter server."""
