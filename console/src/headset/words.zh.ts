const zh = {
  title: "耳机",
};

export default zh;
