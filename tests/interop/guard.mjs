// SPDX-License-Identifier: MIT
// Our server as a resource server, with an issuer made here on the library jose: which tokens it takes, and our own client against it.
// Called by run.sh. Prints TAP.
import http from 'node:http';
import net from 'node:net';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import * as jose from 'jose';

const fairlead = process.env.FAIRLEAD;
const folder = mkdtempSync(`${tmpdir()}/fairlead-guard-`);
const env = { ...process.env, FAIRLEAD_AUTH_DIR: `${folder}/auth` };
let count = 0, failed = 0;
const row = (ok, name, why) => {
  console.log(`${ok ? 'ok' : 'not ok'} ${++count} - ${name}${ok || why === undefined ? '' : ` (${why})`}`);
  if (!ok) failed++;
};

// ---- the issuer ----

const keys = {};
for (const alg of ['ES256', 'RS256', 'EdDSA']) keys[alg] = await jose.generateKeyPair(alg, { extractable: true });
const stranger = await jose.generateKeyPair('ES256');
const set = [];
for (const [alg, pair] of Object.entries(keys)) set.push({ ...await jose.exportJWK(pair.publicKey), kid: alg, use: 'sig' });

let issuer, resource;
const mint = (alg, claims = {}, { key = keys[alg].privateKey, kid = alg, end = '10m', aud = resource, iss = issuer } = {}) =>
  new jose.SignJWT({ scope: 'tools', client_id: 'c', ...claims }).setProtectedHeader({ alg, kid, typ: 'at+jwt' })
    .setIssuer(iss).setAudience(aud).setSubject('svc').setIssuedAt().setExpirationTime(end).sign(key);

const server = http.createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  const answer = (status, value) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };
  if (request.url === '/.well-known/oauth-authorization-server')
    return answer(200, { issuer, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/keys` });
  if (request.url === '/keys') return answer(200, { keys: set });
  if (request.url !== '/token') return answer(404, {});
  const proof = request.headers.dpop;
  const claims = proof ? { cnf: { jkt: await jose.calculateJwkThumbprint(jose.decodeProtectedHeader(proof).jwk) } } : {};
  answer(200, { access_token: await mint('ES256', claims), token_type: proof ? 'DPoP' : 'Bearer', expires_in: 600 });
});
const listen = (one) => new Promise((resolve) => one.listen(0, '127.0.0.1', () => resolve(one.address().port)));
issuer = `http://127.0.0.1:${await listen(server)}`;

// ---- our server ----

const freePort = async () => {
  const probe = net.createServer();
  const port = await listen(probe);
  await new Promise((resolve) => probe.close(resolve));
  return port;
};

const serve = async (...more) => {
  const port = await freePort();
  resource = `http://127.0.0.1:${port}/mcp`;
  const child = spawn(fairlead, ['mcp', 'serve', '--http', `127.0.0.1:${port}`, '--auth-issuer', issuer, '--auth-resource', resource,
    '--auth-scope', 'tools', ...more], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  await new Promise((resolve) => child.stderr.once('data', resolve));
  return child;
};

const ask = async (authorization) => {
  const response = await fetch(resource, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...(authorization && { authorization }) },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {
      protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'guard', version: '1' } } }),
  });
  await response.text();
  return { status: response.status, challenge: response.headers.get('www-authenticate') ?? '' };
};

const expect = async (name, authorization, status, word = '') => {
  const got = await ask(authorization);
  row(got.status === status && got.challenge.includes(word), name, `${got.status} ${got.challenge}`);
};

const call = (name) => {
  const graph = { fairlead: 1, name: 'guard', state: { messages: { reducer: 'messages' } },
    models: { m: { provider: 'scripted', script: 'script.json' } },
    mcpServers: { s: { url: resource, auth: { grant: 'client_credentials', client_id: 'c', client_secret: 's' } } },
    nodes: { a: { type: 'agent', model: 'm', tools: ['s/*'] } }, edges: [{ from: 'START', to: 'a' }, { from: 'a', to: 'END' }] };
  writeFileSync(`${folder}/graph.json`, JSON.stringify(graph));
  writeFileSync(`${folder}/script.json`, '{"replies":[{"when":{"user":"."},"text":"x"}]}');
  return new Promise((resolve) => {
    const child = spawn(fairlead, ['mcp', 'call', 'calculator', '{"expression":"6*7"}', '--graph', `${folder}/graph.json`], { env });
    let out = '';
    child.stdout.on('data', (data) => { out += data; });
    child.stderr.on('data', (data) => { out += data; });
    child.on('close', (code) => { row(code === 0 && out.trim() === '42', name, out); resolve(); });
  });
};

let child = await serve();
await expect('without a token: 401, and where to get one', undefined, 401, 'resource_metadata="http://127.0.0.1');
for (const alg of Object.keys(keys)) await expect(`a token of ${alg}`, `Bearer ${await mint(alg)}`, 200);
await expect('a token that has ended', `Bearer ${await mint('ES256', {}, { end: '-5m' })}`, 401, 'invalid_token');
await expect('for another audience', `Bearer ${await mint('ES256', {}, { aud: 'https://other.test/mcp' })}`, 401, 'invalid_token');
await expect('of another issuer', `Bearer ${await mint('ES256', {}, { iss: 'https://other.test' })}`, 401, 'invalid_token');
await expect('signed by a stranger', `Bearer ${await mint('ES256', {}, { key: stranger.privateKey })}`, 401, 'invalid_token');
await expect('with an HMAC of the public key', `Bearer ${await new jose.SignJWT({ scope: 'tools' })
  .setProtectedHeader({ alg: 'HS256', kid: 'RS256' }).setIssuer(issuer).setAudience(resource).setSubject('svc').setExpirationTime('1m')
  .sign(new TextEncoder().encode(await jose.exportSPKI(keys.RS256.publicKey)))}`, 401, 'invalid_token');
await expect('without a signature', `Bearer ${new jose.UnsecuredJWT({ scope: 'tools' }).setIssuer(issuer).setAudience(resource)
  .setSubject('svc').setExpirationTime('1m').encode()}`, 401, 'invalid_token');
await expect('without the scope', `Bearer ${await mint('ES256', { scope: 'other' })}`, 403, 'insufficient_scope');
await expect('bound to a key, and shown as a bearer\'s', `Bearer ${await mint('ES256', { cnf: { jkt: 'x' } })}`, 401, 'invalid_token');
await call('our client gets a token and calls');
child.kill();
child = await serve('--auth-dpop');
await expect('a bearer\'s token where DPoP is demanded', `Bearer ${await mint('ES256')}`, 401, 'DPoP ');
await call('our client gets a bound token, proves it, and calls');
child.kill();
server.close();
console.log(`1..${count}`);
process.exit(failed > 0 ? 1 : 0);
