/** Where the shell of adb may write and run files. */
export const SHELL_FOLDER = '/data/local/tmp/'

/** What development tools leave there while they work: Android Studio, its debugger and profiler; scrcpy; STF's minicap and minitouch. */
export const DEVELOPMENT_FILES: readonly string[] = ['.studio/', 'perfd/', 'lldb/', 'lldb-server', 'simpleperf', 'scrcpy-server', 'minicap', 'minitouch'].map((name) => SHELL_FOLDER + name)

/** AndroidQF's own collector, which lists the files. */
export const FORENSIC_FILES: readonly string[] = ['collector'].map((name) => SHELL_FOLDER + name)
