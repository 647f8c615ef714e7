// A certified OAuth 2 server, oidc-provider, on a free port of 127.0.0.1.
//
// It rotates refresh tokens, and takes a whole sign-in back when one is used twice.
// Below /control the tests say what nobody could tell a real one: sign somebody in,
// let tokens live for so long, be out of order.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const state = { ttl: 3600, mode: 'ok', delay: 0, calls: [] };

const server = createServer();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();

const common = {
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: ['http://127.0.0.1/callback'],
};
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      ...common,
      client_id: 'sluice',
      client_secret: 'planted-secret:+/&%',
      grant_types: [...common.grant_types, 'client_credentials'],
    },
    { ...common, client_id: 'public', token_endpoint_auth_method: 'none', application_type: 'native' },
  ],
  scopes: ['openid', 'offline_access', 'chat'],
  features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  rotateRefreshToken: true,
  ttl: { AccessToken: () => state.ttl, ClientCredentials: () => state.ttl },
});
const answer = provider.callback();

async function signIn({ client_id = 'sluice', expires_in = 3600 }) {
  const found = await provider.Client.find(client_id);
  const grant = new provider.Grant({ accountId: 'ann', clientId: client_id });
  grant.addOIDCScope('openid offline_access');
  const given = { accountId: 'ann', client: found, grantId: await grant.save(), scope: 'openid offline_access' };
  const refresh = new provider.RefreshToken({ ...given, gty: 'authorization_code' });
  const access = new provider.AccessToken({ ...given, gty: 'authorization_code' });
  return {
    access_token: await access.save(),
    refresh_token: await refresh.save(),
    expiry_date: Date.now() + expires_in * 1000,
    token_type: 'Bearer',
  };
}

const controls = {
  'sign-in': signIn,
  set: (given) => Object.assign(state, given),
  calls: () => state.calls,
  // Whether a token is good, as the provider's own API would find out.
  valid: async ({ token }) => {
    const kinds = [provider.AccessToken, provider.ClientCredentials];
    const found = await Promise.all(kinds.map((kind) => kind.find(token)));
    return { valid: found.some((each) => each?.isValid) };
  },
  revoke: async ({ refresh_token }) => (await provider.RefreshToken.find(refresh_token))?.destroy() ?? {},
};

async function bodyOf(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces);
}

server.on('request', async (request, response) => {
  const [, first, name] = request.url.split('/');
  if (first === 'control') {
    const given = await bodyOf(request);
    const told = await controls[name](given.length ? JSON.parse(given) : {});
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(told ?? {}));
    return;
  }
  const call = { path: request.url, basic: Boolean(request.headers.authorization), status: 0 };
  state.calls.push(call);
  await new Promise((resolve) => { setTimeout(resolve, state.delay); });
  response.on('close', () => { call.status = response.statusCode; });
  if (state.mode === 'down') {
    response.statusCode = 503;
    response.setHeader('retry-after', '1');
    response.end('out of order');
  } else if (state.mode === 'basic' && !request.headers.authorization) {
    response.statusCode = 401;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ error: 'invalid_client' }));
  } else if (state.mode === 'echo') {
    const said = `${await bodyOf(request)} ${request.headers.authorization}`;
    response.statusCode = 400;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ error: 'invalid_grant', error_description: `${said} ${decodeURIComponent(said)}` }));
  } else {
    await answer(request, response);
  }
});

process.stdout.write(`${JSON.stringify({ port })}\n`);
// Whoever started it is gone.
process.stdin.on('end', () => process.exit()).resume();
