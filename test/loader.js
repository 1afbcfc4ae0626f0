import { register } from 'tsx/esm/api'

// Also in worker threads, which `--import=tsx` leaves out on Node 20.
register()
