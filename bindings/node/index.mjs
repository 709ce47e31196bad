// SPDX-License-Identifier: BSD-2-Clause
import all from './index.cjs';

export const {
    Env, LaunchError, Result, RunError, Sandbox, Template, run, runSync, shell, stream,
} = all;
export default all;
