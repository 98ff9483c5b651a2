"""O-01 on the whole local stack: what students' requests and Canvas's changes take, and which process takes it."""
