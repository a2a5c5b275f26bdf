// Placeholder until the room's first real file lands; delete it then.
