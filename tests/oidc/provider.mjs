// The certified oidc-provider, set up as the tests want it: refresh tokens that rotate and whose reuse ends the grant,
// PKCE demanded, discovery, revocation and introspection. It prints one JSON line once it listens.
//
// Beside the protocol it answers GET /test/counts with how many token requests came and how they were answered, and
// GET /test/urls with the method and address of every request.
//
//   node provider.mjs PORT        PORT 0 takes a free one
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const port = Number(process.argv[2] ?? 0);
// A server whose clock is wrong by so many seconds.
const skewMs = Number(process.env.MIZAN_OIDC_SKEW_S ?? 0) * 1000;
const realNow = Date.now;
Date.now = () => realNow() + skewMs;
// Where the packages are; the tests install them outside of the repository.
const require = createRequire(process.env.MIZAN_OIDC_MODULES ?? import.meta.url);
const home = require.resolve('oidc-provider');
const { default: Provider } = await import(pathToFileURL(home));
const { version } = JSON.parse(readFileSync(home.replace(/lib[\\/].*$/, 'package.json'), 'utf8'));

const server = createServer();
await new Promise((ready) => server.listen(port, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'mizan-confidential',
    client_secret: 'confidential-s3cret-5f2c',
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    redirect_uris: ['http://127.0.0.1/callback'],
    response_types: ['code'],
    application_type: 'native',
  }, {
    client_id: 'mizan-public',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: ['http://127.0.0.1/callback'],
    response_types: ['code'],
    application_type: 'native',
  }],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:shop',
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'products:read products:write', accessTokenTTL: 3600, accessTokenFormat: 'opaque',
      }),
    },
  },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  scopes: ['openid', 'offline_access', 'products:read', 'products:write'],
  cookies: { keys: ['only for tests'] },
  ttl: { AccessToken: 3600, ClientCredentials: 3600, RefreshToken: 86400, Session: 600, Grant: 86400, Interaction: 600 },
});

const counts = { refresh_ok: 0, refresh_refused: 0, code_ok: 0, code_refused: 0, client_ok: 0, revoked: 0 };
const urls = [];
const count = (type, good) => {
  if (type === 'refresh_token') counts[good ? 'refresh_ok' : 'refresh_refused'] += 1;
  if (type === 'authorization_code') counts[good ? 'code_ok' : 'code_refused'] += 1;
  if (type === 'client_credentials' && good) counts.client_ok += 1;
};
provider.on('grant.success', (ctx) => count(ctx.oidc.params.grant_type, true));
provider.on('grant.error', (ctx) => count(ctx.oidc?.params?.grant_type, false));

const callback = provider.callback();
const json = (res, status, body) => {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(JSON.stringify(body));
};
server.on('request', (req, res) => {
  urls.push(`${req.method} ${req.url}`);
  if (req.url === '/test/counts') return json(res, 200, { ...counts, version, node: process.version });
  if (req.url === '/test/urls') return json(res, 200, urls);
  if (req.url.startsWith('/token/revocation')) counts.revoked += 1;
  return callback(req, res);
});
console.log(JSON.stringify({ issuer, version, node: process.version }));
// Ends with whoever started it.
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
