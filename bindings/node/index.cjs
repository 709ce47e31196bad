// SPDX-License-Identifier: BSD-2-Clause
'use strict';
const { Template, run, runSync, stream, shell } = require('./lib/template.cjs');
const { LaunchError, RunError } = require('./lib/errors.cjs');
const { Env } = require('./lib/env.cjs');
const { Result } = require('./lib/result.cjs');
const { Sandbox } = require('./lib/sandbox.cjs');

module.exports = {
    Env, LaunchError, Result, RunError, Sandbox, Template, run, runSync, shell, stream,
};
