// SPDX-License-Identifier: BSD-2-Clause
/* A CommonJS module of a strict project. */
import st = require('spawn_template');
import register = require('spawn_template/register');

const result: Promise<st.Result<string>> = st.run(['true'], { timeout: 1000 });
register.install();
void result.then(({ code }) => code === 0);
